// A code that renews itself is swapped in quietly; those who cannot see it hear that it is new.
(() => {
  const look = () => {
    const { code, state, renewed } = document.getElementById("panel").dataset;
    return { code, state, renewed };
  };

  let before = look();

  document.addEventListener("htmx:after:swap", () => {
    const now = look();
    if (now.code && before.code && now.code !== before.code && now.state === before.state) {
      document.getElementById("voice").textContent = now.renewed;
    }
    before = now;
  });
})();
