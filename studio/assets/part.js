// Makes one element of the page: its tag, class and words.

export function part(tag, className = "", words = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (words !== "") element.textContent = words;
  return element;
}
