// Copies a text at the press of a button, and before a bank app opens that fills in nothing.
(() => {
  const BACK_AFTER_MS = 2000;

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyByHand(text);
    }
  }

  // Without https, or in an old browser inside an app, there is no clipboard object.
  function copyByHand(text) {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }

  function say(text) {
    document.getElementById("voice").textContent = text;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const label = (button.dataset.label ??= button.textContent);
    const text = (await copy(button.dataset.copy)) ? button.dataset.done : button.dataset.failed;
    button.textContent = text;
    say(text);
    setTimeout(() => (button.textContent = label), BACK_AFTER_MS);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-copy-first]");
    if (!link) return;
    copy(link.dataset.copyFirst).then((done) => done && say(link.dataset.done));
  });
})();
