# The pipeline that killtest kills: see the README, "What is guaranteed".
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
