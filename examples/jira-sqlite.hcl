# Public Jira projects as tables of an SQLite file, which needs no server: a table for each stream, the newest
# state of each issue. A later run reads what has changed and updates the rows.
variable "url" {
  default = "https://issues.apache.org/jira"
}

source "jira" {
  url      = var.url
  projects = ["KAFKA"]

  http {
    rate        = 10 # requests a second
    concurrency = 4
  }
}

sink "sqlite" {
  path = "jira.db"
}
