source "jira" {
  url = "https://example.com
}
sink "jsonl" {
  path = 
}
