source "jira" {
}

sink "jsonl" {
  path = null
}
