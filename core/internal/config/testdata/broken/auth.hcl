source "jira" {
  url      = "https://jira.example.com"
  projects = ["A"]
  http {
    proxy    = "proxy.example.com"
    max_body = "big"
    robots   = "yes"
    auth "bearer" {
      token = "pa55word"
    }
    auth "basic" {
      user     = "me"
      password = "pa55word"
    }
    auth "oauth2" {
      grant     = "password"
      client_id = "me"
      token_url = "login.example.com"
      origins   = ["https://other.example.com"]
    }
    auth "cookie" {
      name  = "session id"
      value = "a=b; c=d"
    }
    tls {
      ca_file              = "nothing.pem"
      cert_file            = "auth.hcl"
      min_version          = "1.1"
      insecure_skip_verify = true
    }
  }
}

sink "jsonl" {
  path = "x"
  http {
    allow = ["https://plain.example.com"]
    auth "oauth2" {
      grant         = "client_credentials"
      client_id     = "me"
      token_url     = "http://login.example.com/token"
      refresh_token = "pa55word"
      origins       = ["https://plain.example.com"]
    }
    auth "aws_sigv4" {
      service = "s3"
      origins = ["https://*.example.com"]
    }
    auth "query" {
      value   = "pa55word"
      origins = ["https://plain.example.com"]
    }
  }
}

sink "jsonl" "google" {
  path = "y"
  http {
    allow = ["https://a.example.com", "https://b.example.com"]
    auth "google" {
      credentials = "account.json"
      origins     = ["https://a.example.com"]
    }
    auth "google" {
      credentials = "{\"type\": \"web\"}"
      origins     = ["https://b.example.com"]
    }
  }
}
