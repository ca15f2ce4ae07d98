source "jira" {
  url       = "https://example.com:${env("PORT")}/"
  projects  = split(",", env("NOT_SET"))
  page_size = parseint(env("PORT"), 10)
  secret    = file("missing.txt")
  flavour   = substr("auto")
  wait      = base64decode("***")
  deleted   = parseint("x", 10)
}

sink "jsonl" {
  path = "x"
}
