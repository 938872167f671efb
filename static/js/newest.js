// An older state never replaces a newer one, and what is no panel (an error page of a proxy, a
// sign-in page of a hotel's network) never replaces the panel at all.
document.documentElement.classList.add("scripted");

document.addEventListener("htmx:before:swap", (event) => {
  const shown = document.getElementById("panel");
  for (const task of event.detail.tasks) {
    if (task.target !== shown) continue;
    const next = task.fragment.querySelector("#panel");
    if (!next || Number(next.dataset.seq) < Number(shown.dataset.seq)) event.preventDefault();
  }
});
