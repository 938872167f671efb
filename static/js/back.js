// Once a payment is done the page goes back to the shop by itself, once, unless the shopper
// stays. Coming back with the browser's own button does not throw them out again.
(() => {
  let timer = null;
  let left = 0;

  function stay() {
    clearInterval(timer);
    timer = null;
    const link = document.getElementById("back");
    if (link?.dataset.label) link.textContent = link.dataset.label;
    document.getElementById("stay")?.setAttribute("hidden", "");
  }

  function wasBack(session) {
    try {
      const key = `back:${session}`;
      const before = sessionStorage.getItem(key);
      sessionStorage.setItem(key, "yes");
      return Boolean(before);
    } catch {
      // Without storage nobody could tell a second visit: stay.
      return true;
    }
  }

  // A push may redraw the panel at any moment, so the buttons are looked up anew each time.
  function draw() {
    const link = document.getElementById("back");
    const button = document.getElementById("stay");
    if (!link?.dataset.seconds || !button) return stay();
    link.dataset.label ??= link.textContent;
    link.textContent = link.dataset.text.replace("{n}", left);
    button.hidden = false;
  }

  function tick() {
    left -= 1;
    if (left > 0) return draw();
    const { href } = document.getElementById("back");
    stay();
    location.assign(href);
  }

  function start() {
    if (timer !== null) return draw();
    const link = document.getElementById("back");
    if (!link?.dataset.seconds || wasBack(link.dataset.session)) return;
    left = Number(link.dataset.seconds);
    timer = setInterval(tick, 1000);
    draw();
  }

  document.addEventListener("click", (event) => event.target.closest("#stay") && stay());
  document.addEventListener("htmx:after:swap", start);
  start();
})();
