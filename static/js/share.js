// On a phone the QR image goes to the share sheet, from where it can be kept among the photos;
// elsewhere, and where that fails, the link downloads it.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-share]");
  if (!link || !navigator.canShare || !matchMedia("(pointer: coarse)").matches) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href);
    const file = new File([await answer.blob()], link.download, { type: "image/png" });
    if (answer.ok && navigator.canShare({ files: [file] })) {
      await navigator.share({ files: [file] });
      return;
    }
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  location.assign(link.href);
});
