source "jira" {
  porjects  = ["KAFKA"]
  page_size = "100"
  wait      = "5 minutes"
  flavour   = "serverr"
  deleted   = "yes"
  mirrors   = ["https://a.example.com", "b.example.com"]
  fields    = { team = 5 }
  filters = [
    { field = "status", any = ["Open"] },
    { feild = "status", limit = -1 },
  ]
}

transform "llm" {
  tasks = ["summarisation", "classification"]
}

sink "jsonl" {
  path = ["out.jsonl"]
}
