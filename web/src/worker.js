// The compiler in the browser: Python by Pyodide, and the archive of archdsl beside the page. Nothing else is fetched.

const early = []; // what is asked while Python starts
let answer = null;

self.onmessage = ({ data }) => {
  if (answer === null) early.push(data);
  else reply(data);
};

function reply({ number, request }) {
  self.postMessage({ number, answer: answer(request) });
}

async function begin() {
  const [{ loadPyodide }, archive] = await Promise.all([
    import("./pyodide/pyodide.mjs"),
    fetch("compiler.zip").then((response) => response.arrayBuffer()),
  ]);
  const python = await loadPyodide({ indexURL: new URL("./pyodide/", self.location).href });
  self.postMessage({ progress: "Loading the compiler …" });
  python.unpackArchive(archive, "zip", { extractDir: "/compiler" });
  answer = python.runPython(`
import sys
sys.path.insert(0, "/compiler")
from archdsl.explorer.engine import Given, session_of
session_of(Given(), None).answer_text
`);
  self.postMessage({ ready: true });
  early.splice(0).forEach(reply);
}

begin().catch((fault) => self.postMessage({ failed: `the compiler does not start in this browser: ${fault.message}` }));
