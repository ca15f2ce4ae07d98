secret "token" {
  exec    = ["op", "read", "op://vault/token"]
  ttl     = "soon"
  timeout = "10s"
}

secret "token" {
  exec = ["op"]
}

secret "nothing" {}

secret "empty" {
  exec  = []
  shell = true
}

secret {}

locals {
  header = "Token ${secret.token}"
}

source "jira" {
  url      = "https://jira.example.com"
  projects = [secret.token]
  secret   = [nonsensitive(keyring("jira", "me"))]
  http {
    user_agent = local.header
    auth "basic" {
      user     = secret.tokn
      password = upper(secret.token)
    }
    auth "header" {
      name  = secret.token
      value = keyring("jira")
    }
    auth "cookie" {
      name  = "id"
      value = "${local.header} ${keyring("jira", "a;b,c")}"
    }
  }
}

sink "jsonl" {
  path = secret.token
}
