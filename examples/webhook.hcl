# Tells a chat of each issue that is new or has changed: set WEBHOOK_URL to the address of an incoming webhook of Slack
# or Mattermost. With text_field = "content" it is one of Discord.
variable "url" {
  default = "https://issues.apache.org/jira"
}

source "jira" {
  url      = var.url
  projects = ["KAFKA"]
  since    = "2026-01-01"
}

sink "http" {
  url    = env("WEBHOOK_URL", "https://hooks.example.com/set-WEBHOOK_URL")
  format = "webhook"
  text   = "{key}: {summary}"

  select {
    streams = ["issues"]
  }
}
