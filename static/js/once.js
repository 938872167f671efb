// A form is sent once, however quickly its button is pressed twice: some make a new thing each time.
(() => {
  const AGAIN_AFTER_MS = 5000;

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    const now = performance.now();
    // No answer may come at all; then the button works again.
    if (now - (form.dataset.sentAt ?? -AGAIN_AFTER_MS) < AGAIN_AFTER_MS) event.preventDefault();
    else form.dataset.sentAt = now;
  });

  // Who goes back sees the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent-at]")) delete form.dataset.sentAt;
  });
})();
