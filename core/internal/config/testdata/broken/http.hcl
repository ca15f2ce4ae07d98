source "jira" {
  url      = "https://user:pa55word@example.com/jira"
  projects = ["A"]
  http {
    allow      = ["cdn.example.com", "https://x.example.com/path", "ftp://y.example.com"]
    rate       = -1
    burst      = "many"
    timeout    = "10"
    user_agent = "two\nlines"
    limit "search" { rate = 4 }
    limit "GET /search" {}
    limit "GET /search" { rates = 4 }
    auth "basik" {}
  }
}

transform "llm" {
  http {
    auth "bearer" {
      token = "abc\n"
    }
  }
}

sink "jsonl" {
  path = "x"
  http {
    allow = ["http://plain.example.com"]
    auth "header" {
      name    = "X Key"
      value   = ""
      origins = ["http://plain.example.com", "https://other.example.com"]
    }
  }
}
