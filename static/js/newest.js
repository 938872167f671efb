// An older state never replaces a newer one, and what is no panel (an error page of a proxy, a
// sign-in page of a hotel's network) never replaces the panel at all.
document.documentElement.classList.add("scripted");

// Money that is only held moves no session: of the same `seq` the later look is the newer.
function isOlder(next, shown) {
  const steps = Number(next.seq) - Number(shown.seq);
  return steps < 0 || (steps === 0 && Number(next.at) < Number(shown.at));
}

document.addEventListener("htmx:before:swap", (event) => {
  const shown = document.getElementById("panel");
  for (const task of event.detail.tasks) {
    if (task.target !== shown) continue;
    const next = task.fragment.querySelector("#panel");
    if (!next || isOlder(next.dataset, shown.dataset)) event.preventDefault();
  }
});
