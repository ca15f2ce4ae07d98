// A source that uses each service of the host once.
import { once } from "node:events";
import { Failure, final, NotKept, serve, temporary, type Reading, type SourceOutput } from "scrapekit";

interface Settings {
  url: string;
  echo: string;
}

const message = (err: unknown): string => (err as Error).message;

serve<Settings>({
  name: "services",
  version: "1.0.0",
  doc: "Uses each service once.",
  streams: [{ name: "answers", doc: "What came of it." }],
  permissions: { methods: ["POST"] },
  config: {
    type: "object",
    properties: {
      url: { type: "string", description: "Base of the server.", "x-scrapekit-host": true },
      echo: { type: "string", description: "A server of TCP that sends back what it gets.", "x-scrapekit-dial": true },
    },
    required: ["url", "echo"],
    additionalProperties: false,
  },
  open: ({ url, echo }) => ({
    plan: (plan) => plan.streams.map((name) => ({ id: name, stream: name })),
    async read({ fetch, keep, dial }: Reading, out: SourceOutput) {
      const say = (answer: object): Promise<void> => out.emit("answers", answer);
      await say({ redirected: (await fetch(url + "/moved")).text() });
      await say({ posted: (await fetch(url + "/seeother", { method: "POST", body: "x", idempotent: true })).text() });
      await fetch(url + "/loop").catch((err: unknown) => say({ loop: message(err).split(": ").at(-1) }));
      await say({ temporary: (await fetch(url + "/odd", { classes: [temporary(403, "wait a moment")] })).text() });
      await say({ final: (await fetch(url + "/final", { classes: [final(503)] })).status });
      await say({ kept: (await keep("the file", url + "/files")).size });
      await keep("no file", url + "/file", { size: 9 }).catch((err: unknown) => say({ other: err instanceof NotKept && err.problem }));
      await keep("none", url + "/none").catch((err: unknown) => say({ none: err instanceof NotKept && err.permanent && err.status }));
      const conn = await dial(echo);
      conn.write("hello");
      const [got] = (await once(conn, "data")) as [Buffer];
      const rest: Buffer[] = [];
      conn.on("data", (b: Buffer) => rest.push(b));
      conn.end();
      await once(conn, "end");
      await say({ echo: got.toString(), end: Buffer.concat(rest).toString() });
      await dial("127.0.0.1:1").catch((err: unknown) => say({ refused: err instanceof Failure }));
      await fetch(url + "/error").then((r) => r.json<{ items: object[] }>("items")).catch((err: unknown) => {
        const right = message(err).includes('no "items"') && message(err).includes("being built");
        return say({ missing: right ? "no member" : message(err) });
      });
      await out.emit("answers", (await fetch(url + "/numbers")).body);
    },
  }),
});
