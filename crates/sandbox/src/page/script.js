// The log of requests goes on by itself. Everything else on the page works without a script.

const table = document.getElementById("requests");

if (table) {
  const rows = table.tBodies[0];
  const status = document.getElementById("live");
  const pause = document.getElementById("pause");
  const ROWS_MAX = 500;
  const POLL_MS = 1000;
  let last = Number(table.dataset.last);
  let running = true;

  const make = (tag, className, ...inside) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...inside);
    return element;
  };

  const row = (line) => {
    const asked = make("code", "", make("b", "", line.method), " " + line.path);
    let request = asked;
    if (line.headers || line.body) {
      const whole = make("pre", "raw", line.headers + "\n\n" + line.body);
      request = make("details", "", make("summary", "", asked), whole);
    }
    const good = line.status !== null && line.status < 400;
    const told = line.status === null ? "never came" : String(line.status);
    const answer = make("td", "", make("span", good ? "tag good" : "tag wrong", told));
    if (line.fault) answer.append(" ", make("span", "dim", line.fault));
    return make("tr", "new",
      make("td", "", make("time", "", line.at)), make("td", "", line.face),
      make("td", "", line.user), make("td", "", request), answer);
  };

  // What is said is heard by screen readers, so that it is said only when it changes.
  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
  };

  const look = async () => {
    if (running && !document.hidden) {
      try {
        const answer = await fetch(`${table.dataset.source}?since=${last}`);
        if (!answer.ok) throw new Error(String(answer.status));
        const { last: newest, requests } = await answer.json();
        if (newest < last) rows.replaceChildren();
        last = newest;
        for (const line of requests) rows.prepend(row(line));
        while (rows.rows.length > ROWS_MAX) rows.deleteRow(-1);
        if (requests.length > 0) document.getElementById("none")?.remove();
        say("Live");
      } catch {
        say("The sandbox does not answer.");
      }
    }
    setTimeout(look, POLL_MS);
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    running = !running;
    pause.textContent = running ? "Pause" : "Go on";
    say(running ? "Live" : "Paused");
  });
  look();
}
