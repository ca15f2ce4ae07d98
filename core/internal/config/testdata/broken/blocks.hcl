name = "x"

varible "a" {}

pipeline {
  concurency   = 2
  commit_every = "soon"
  commit_bytes = "64 miles"
  concurrency  = 0
}

pipeline {}

source "jira" {
  url      = "https://example.com"
  projects = ["A"]
  http     = { rate = 5 }
  filters {
    field = "x"
  }
  on_eror {
    attempts = 2
  }
  select {
    streams = ["isues"]
  }
  files {
    max_size = "huge"
  }
}

source "github" {}

sink "jsonl" {
  path = "a.jsonl"
  on_error {
    max_rejects = 1.5
    atempts     = 3
  }
}

sink "jsonl" {
  path = "b.jsonl"
  files {
    path = "kept"
  }
}
