// What the operator is told: the newest in sight until it is dismissed, the rest in a list.

const INFO_SHOWN_MS = 6000;
const KEPT = 100;

export function mountNotices(element, live) {
  const list = element.querySelector(".notices");
  let waiting = [];
  const show = () => {
    const newest = waiting.at(-1);
    if (list.firstChild?.notice === newest && list.children.length === waiting.length) return;
    list.replaceChildren(...(newest ? [noticeRow(newest, waiting.length, dismiss)] : []));
  };
  const dismiss = () => {
    waiting.pop();
    show();
  };
  onNew(live, (fresh) => {
    waiting.push(...fresh.map((notice) => Object.assign(notice, { since: performance.now() })));
    show();
  });
  setInterval(() => {
    waiting = waiting.filter(({ level, since }) => level !== "info" || performance.now() - since < INFO_SHOWN_MS);
    show();
  }, 500);
}

export function mountLog(element, live) {
  const list = element.querySelector(".log");
  const add = (notices) => {
    for (const notice of notices) list.prepend(logRow(notice));
    while (list.children.length > KEPT) list.lastChild.remove();
  };
  live.on("hello", ({ notices }) => {
    list.replaceChildren();
    add(notices);
  });
  onNew(live, add);
}

// Calls back with notices that came after this page was opened.
function onNew(live, tell) {
  let newest = null;
  live.on("hello", ({ notices }) => {
    const last = notices.at(-1)?.number ?? 0;
    if (newest !== null && last >= newest) hear({ notices });
    newest = last;
  });
  const hear = ({ notices }) => {
    const fresh = notices.filter(({ number }) => number > (newest ?? 0));
    if (!fresh.length) return;
    newest = fresh.at(-1).number;
    tell(fresh);
  };
  live.on("notices", hear);
}

function noticeRow(notice, count, dismiss) {
  const item = document.createElement("li");
  item.notice = notice;
  item.className = notice.level;
  const close = document.createElement("button");
  close.type = "button";
  close.ariaLabel = "Dismiss";
  close.textContent = count > 1 ? `${count} ×` : "×";
  close.addEventListener("click", dismiss);
  item.append(...words(notice), close);
  return item;
}

function logRow(notice) {
  const item = document.createElement("li");
  item.className = notice.level;
  item.append(...words(notice));
  return item;
}

function words({ at, text }) {
  const time = document.createElement("time");
  time.textContent = at;
  const said = document.createElement("span");
  said.textContent = text;
  return [time, said];
}
