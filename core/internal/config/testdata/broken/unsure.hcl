# What follows from another fault is not said: where the plugin asks is not known.
source "jira" {
  url = ["not a text"]
  http {
    auth "basic" {
      user     = "me"
      password = "secret word"
    }
    auth "bearer" {
      token   = "another secret"
      origins = ["https://jira.example.com"]
    }
  }
}

transform "./not-installed" {
  http {
    auth "bearer" {
      token = "a third secret"
    }
  }
}

sink "jsonl" {
  path = "out.jsonl"
}
