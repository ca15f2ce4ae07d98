variable = 5

locals "x" {
  a = 1
  b {}
}

locals {
  a = 2
  c = c.d
  d = var["x"]
}

pipeline "x" {
  name = "../up"
  required_plugins {
    acme {
      source = "./acme"
    }
    numbers = { source = 5 }
  }
  http {}
}

source "jira" {
  url      = "https://"
  mirrors  = ["https://*.example.com", "http://[::1]:8080", "example.com/jira"]
  projects = [for p in ["a"] : p.name]
  http "x" {
    allow  = "https://a.example.com"
    burst  = 2.5
    allowed = []
    select {}
    auth "basic" {
      user = 5
    }
    auth "basic" {}
  }
  http {}
  select {
    streams = []
  }
}

sink "jsonl" "a" "b" {}
sink "./" {}
