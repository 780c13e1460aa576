// The widget tells what happens by events on the page; texts are not among it.
document.addEventListener("duologue:unread", (event) => {
  document.getElementById("unread").value = event.detail.count;
});
