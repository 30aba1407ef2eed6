// Some servers can't forbid other pages to show this one in a frame, where a person might be led to press its buttons.
// Whoever imports this module begins only where the page stands by itself.

if (window.top !== window.self) {
  const link = document.createElement("a");
  link.href = location.href;
  link.target = "_blank";
  link.textContent = "Open it in a tab of its own.";
  document.body.replaceChildren("MNIST Draw does not run inside another page. ", link);
  await new Promise(() => {});
}

export {};
