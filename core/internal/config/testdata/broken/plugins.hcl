pipeline {
  required_plugins {
    acme  = { source = "./bin/acme" }
    other = { source = "registry" }
    third = "./bin/third"
  }
}

source "jsonl" {}

transform "acme" {}
transform "lllm" {}
transform "./bin/nothing" {}
transform {}

sink "jsonl" "a/b" {
  path = "x"
}
