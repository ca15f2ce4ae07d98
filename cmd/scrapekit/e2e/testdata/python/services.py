"""A source that uses each service of the host once."""
import dataclasses
import socket

import scrapekit
from scrapekit import setting


@dataclasses.dataclass
class Settings:
    url: str = setting("Base of the server.", host=True)
    echo: str = setting("A server of TCP that sends back what it gets.", dial=True)


class Services(scrapekit.Source):
    name, version, doc = "services", "1.0.0", "Uses each service once."
    settings = Settings
    streams = [scrapekit.Stream("answers", "What came of it.")]
    permissions = {"methods": ["POST"]}

    def read(self, split, out):
        url = self.settings.url
        out.emit("answers", {"redirected": scrapekit.request(url + "/moved").body.decode()})
        out.emit("answers", {"posted": scrapekit.request(url + "/seeother", method="POST", body=b"x", idempotent=True).body.decode()})
        try:
            scrapekit.request(url + "/loop")
        except scrapekit.Permanent as err:
            out.emit("answers", {"loop": str(err).split(": ")[-1]})
        odd = scrapekit.request(url + "/odd", classes=[scrapekit.Temporary(403, "wait a moment")])
        out.emit("answers", {"temporary": odd.body.decode()})
        out.emit("answers", {"final": scrapekit.request(url + "/final", classes=[scrapekit.Final(503)]).status})
        out.emit("answers", {"kept": scrapekit.keep("the file", url + "/files")["size"]})
        try:
            scrapekit.keep("no file", url + "/file", size=9)
        except scrapekit.NotKept as err:
            out.emit("answers", {"other": err.problem})
        try:
            scrapekit.keep("none", url + "/none")
        except scrapekit.NotKept as err:
            out.emit("answers", {"none": err.permanent and err.status})
        with scrapekit.dial(self.settings.echo) as conn:
            conn.sendall(b"hello")
            got = conn.recv(5, socket.MSG_WAITALL)
            conn.shutdown(socket.SHUT_WR)
            out.emit("answers", {"echo": got.decode(), "end": conn.recv(5).decode()})
        try:
            scrapekit.dial("127.0.0.1:1")
        except scrapekit.Failure:
            out.emit("answers", {"refused": True})
        try:
            scrapekit.get_json(url + "/error", "items")
        except scrapekit.Failure as err:
            out.emit("answers", {"missing": "no member" if "no 'items'" in str(err) and "being built" in str(err) else str(err)})
        out.emit("answers", scrapekit.get_json(url + "/numbers", "big"))


if __name__ == "__main__":
    scrapekit.serve(Services)
