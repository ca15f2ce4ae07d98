pipeline {
  concurrency = 100000

  retention {
    runs    = 0
    rejects = "long"
    cache   = "0d"
    reports = "1d"
  }
}

source "jira" {
  url      = "https://example.com"
  projects = ["A"]

  http {
    concurrency = 100000
  }
}

sink "jsonl" {
  path = "out.jsonl"
}
