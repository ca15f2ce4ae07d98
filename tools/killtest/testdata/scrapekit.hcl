# The pipeline that killtest kills: see the page "guarantees" of the manual.
pipeline {
  commit_every = "100ms"
}

source "{root}/examples/source-forum/bin/source-forum" {
  url       = "{url}"
  page_size = 20

  select {
    streams = ["posts"]
  }
}

sink "jsonl" {
  path = "out/{stream}.jsonl"
}
