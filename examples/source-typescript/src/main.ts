// A source that reads a forum: a paged JSON API with two streams.
import { serve, type Plan, type Reading, type SourceOutput, type Split } from "scrapekit";

interface Settings {
  url: string;
  page_size?: number;
}

interface Page {
  items: object[];
}

const streams = [
  { name: "posts", primaryKey: ["id"], doc: "What was written." },
  { name: "users", primaryKey: ["id"], doc: "Who wrote it." },
];

class Forum {
  constructor(private readonly settings: Settings) {}

  plan(plan: Plan): Split[] {
    return plan.streams.map((name) => ({ id: name, stream: name }));
  }

  // read goes on with the page that the cursor names.
  async read({ split, fetch }: Reading, out: SourceOutput): Promise<void> {
    const { url, page_size = 50 } = this.settings;
    for (let page = (split.cursor as number | undefined) ?? 1; ; page++) {
      const { items } = await fetch(`${url}/${split.stream}?page=${page}&per_page=${page_size}`).then((r) => r.json<Page>("items"));
      if (items.length === 0) return;
      for (const item of items) await out.emit(split.stream, item);
      await out.cursor(page + 1);
    }
  }
}

serve<Settings>({
  name: "forum",
  version: "1.0.0",
  doc: "Reads a forum.",
  streams,
  config: {
    type: "object",
    properties: {
      url: { type: "string", description: "Base of the API.", "x-scrapekit-host": true },
      page_size: { type: "integer", minimum: 1, maximum: 100, default: 50, description: "Records a request." },
    },
    required: ["url"],
    additionalProperties: false,
  },
  open: (settings) => new Forum(settings),
});
