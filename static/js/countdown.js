// Keeps the countdown going between the server's drawings of it, and says it aloud sparingly:
// each minute, half a minute before the end, and at the end.
(() => {
  let drawn = null;
  let endsAt = 0;
  let said = null;

  function clockText(left) {
    const pad = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor(left / 60);
    const tail = `${pad(left % 60)}`;
    return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${tail}`;
  }

  function say(text) {
    if (!text || text === said) return;
    said = text;
    document.getElementById("voice").textContent = text;
  }

  function speak(timer, left) {
    const minutes = left / 60;
    if (left === 0) say(timer.dataset.sayOver);
    else if (left === 30) say(timer.dataset.saySoon);
    else if (left === 60) say(timer.dataset.sayMinute);
    else if (timer.dataset.sayMinutes && Number.isInteger(minutes) && left < Number(timer.dataset.total)) {
      say(timer.dataset.sayMinutes.replace("{n}", minutes));
    }
  }

  function tick() {
    const timer = document.getElementById("timer");
    if (!timer || timer.dataset.over) return;
    // A new drawing of the server's is a new truth.
    const drawing = `${timer.dataset.remaining}/${timer.dataset.total}`;
    if (drawing !== drawn) {
      drawn = drawing;
      endsAt = performance.now() + Number(timer.dataset.remaining) * 1000;
    }
    const left = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
    timer.querySelector(".clock").textContent = clockText(left);
    const share = (100 * left) / Number(timer.dataset.total);
    timer.querySelector(".ring-left").setAttribute("stroke-dasharray", `${share.toFixed(1)} 100`);
    speak(timer, left);
    if (left === 0) {
      timer.dataset.over = "yes";
      // A breath later than the deadline, so that the server sees it as passed too.
      setTimeout(() => document.dispatchEvent(new Event("countdown:over")), 700);
    }
  }

  document.addEventListener("htmx:after:swap", tick);
  setInterval(tick, 1000);
  tick();
})();
