// How the page stays right: the socket carries each change; while it is silent or down the page
// asks by itself, often when it is looked at, seldom when it is not.
(() => {
  const HIDDEN_SECONDS = 30;
  // The server says something at least every 25 seconds; a socket silent for longer is dead.
  const SILENCE_SECONDS = 60;
  const TROUBLE_AFTER = 2;

  let heardAt = -Infinity;
  let askedAt = performance.now();
  let drawn = null;
  let drawnAt = 0;
  let asks = 0;
  let failures = 0;

  const panel = () => document.getElementById("panel");
  const seconds = (since) => (performance.now() - since) / 1000;

  function ask() {
    if (!panel().dataset.poll) return;
    askedAt = performance.now();
    asks += 1;
    htmx.trigger(panel(), "refresh");
  }

  function showTrouble(yes) {
    const line = document.getElementById("trouble");
    line.textContent = yes ? line.dataset.text : "";
    line.hidden = !yes;
  }

  document.addEventListener("htmx:ws:after:connection", () => (heardAt = performance.now()));
  document.addEventListener("htmx:ws:before:message:incoming", () => {
    heardAt = performance.now();
    failures = 0;
    showTrouble(false);
  });
  document.addEventListener("htmx:ws:close", () => (heardAt = -Infinity));

  document.addEventListener("htmx:after:request", (event) => {
    const failed = event.detail.ctx.response.status >= 500;
    failures = failed ? failures + 1 : 0;
    showTrouble(failures >= TROUBLE_AFTER);
  });
  document.addEventListener("htmx:error", (event) => {
    if (!event.detail.ctx) return;
    failures += 1;
    showTrouble(failures >= TROUBLE_AFTER);
  });

  // A tab in the background says in its title what has happened.
  document.addEventListener("htmx:after:swap", () => (document.title = panel().dataset.title));

  // Back from the bank app or from a dead spot: look at once.
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  window.addEventListener("online", ask);
  window.addEventListener("pageshow", (event) => event.persisted && ask());
  document.addEventListener("countdown:over", ask);

  // How long to wait for the next question: the panel lists the waits, the last of them repeats,
  // and may say when to stop. A panel that was drawn anew begins anew.
  function wait() {
    const { poll, pollFor, seq, state } = panel().dataset;
    if (!poll) return Infinity;
    if (drawn !== `${seq} ${state}`) {
      drawn = `${seq} ${state}`;
      drawnAt = performance.now();
      asks = 0;
    }
    if (seconds(drawnAt) > Number(pollFor ?? Infinity)) return Infinity;
    const waits = poll.split(" ").map(Number);
    return Math.max(waits[Math.min(asks, waits.length - 1)], document.hidden ? HIDDEN_SECONDS : 0);
  }

  setInterval(() => {
    const next = wait();
    if (seconds(heardAt) >= SILENCE_SECONDS && seconds(askedAt) >= next) ask();
  }, 1000);
})();
