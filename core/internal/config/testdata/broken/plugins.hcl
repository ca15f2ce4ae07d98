pipeline {
  required_plugins {
    acme  = { source = "./bin/acme" }
    other = { source = "registry" }
    third = "./bin/third"
    fourth = { source = "./bin/fourth", version = "~> 1.2" }
    fifth = { source = "registry.example.com/acme/fifth", version = "newest" }
    sixth = { source = "registry.example.com/acme/sixth", versions = "1.0.0" }
    seventh = { source = "registry.example.com/acme/seventh:1.0.0" }
    eighth = { source = "registry.example.com/acme/eighth", version = "~> 1.2" }
  }
}

source "jsonl" {}

transform "acme" {}
transform "fifth" {}
transform "eighth" {}
transform "lllm" {}
transform "./bin/nothing" {}
transform {}

sink "jsonl" "a/b" {
  path = "x"
}
