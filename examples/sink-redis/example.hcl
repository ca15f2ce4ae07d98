# Writes a thousand records into lists of a Redis server: scrapekit run example.hcl --var server=cache.example.com:6379
variable "server" {
  default = "localhost:6379"
}

pipeline {
  required_plugins {
    redis = { source = "./bin/sink-redis" }
  }
}

source "generate" {
  records = 1000
}

sink "redis" {
  address = var.server # and so the plugin may connect there, and nowhere else
}
