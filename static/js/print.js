// The receipt's print button.
document.documentElement.classList.add("scripted");
document.getElementById("print").addEventListener("click", () => window.print());
