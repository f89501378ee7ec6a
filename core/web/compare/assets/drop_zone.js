// Sends dropped or chosen files to the lab in batches, so that a thousand of them arrive in seconds.
// Python hands over: url (where to send), batch (files a request), most (files at once), words (what to say).
// Python gets: the trigger "sent" with the number of files once all of them are there.

const ENDINGS = [".csv", ".txt", ".tsv", ".xml", ".xlsx", ".xls", ".ods"];

export default function ({ parentElement, data, setTriggerValue }) {
  const zone = parentElement.querySelector(".zone");
  const button = parentElement.querySelector("button");
  const input = parentElement.querySelector("input");
  const said = parentElement.querySelector("output");
  const bar = parentElement.querySelector("progress");
  const isNext = zone.settings && zone.settings.url !== data.url;
  zone.settings = data;
  if (isNext) said.textContent = ""; // what was sent has been read
  if (zone.isReady) return;
  zone.isReady = true;
  button.disabled = false;

  button.onclick = () => input.click();
  input.onchange = () => send([...input.files]);
  zone.ondragenter = zone.ondragover = (event) => {
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    send(await filesOf(event.dataTransfer));
  };

  async function send(found) {
    const { url, batch, most } = zone.settings;
    const files = found.filter((file) => ENDINGS.some((ending) => file.name.toLowerCase().endsWith(ending)));
    if (!files.length) return say("No file of readings among them.");
    if (files.length > most) return say(`${files.length} files at once; at most ${most} are taken.`);
    button.disabled = true;
    bar.hidden = false;
    bar.max = files.length;
    try {
      for (let first = 0; first < files.length; first += batch) {
        say(`Sending ${first} of ${files.length} files …`);
        bar.value = first;
        await post(`${url}?first=${first}`, files.slice(first, first + batch));
      }
      bar.value = files.length;
      say(`${files.length} files are there. Reading them …`);
      setTriggerValue("sent", files.length);
    } catch (error) {
      say(error.message);
    } finally {
      button.disabled = false;
      bar.hidden = true;
      input.value = "";
    }
  }

  function say(words) {
    said.textContent = words;
  }
}

async function post(url, files) {
  const form = new FormData();
  files.forEach((file) => form.append("files", file, file.name));
  const answer = await fetch(url, { method: "POST", body: form });
  if (answer.ok) return;
  const refusal = await answer.json().catch(() => ({}));
  throw new Error(refusal.error?.message ?? `The lab answered ${answer.status}.`);
}

async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(walk))).flat());
  }
}
