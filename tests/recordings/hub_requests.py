"""The requests that the stand-in for a Hugging Face Hub answers; `hub_server` runs it.

Facts of the Hub as huggingface_hub 2.4 asks for them: repos/create, preupload, LFS batch and PUT,
commit as lines of JSON, tags, refs, tree, revision, resolve with ETag and ranges, Xet tokens.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "secretsecretsecretsecret"
SIGNATURE = "X-Amz-Signature=verysecret"
LARGE = (".parquet", ".mp4")


@dataclass
class Repo:
    private: bool
    commits: dict = field(default_factory=dict)
    """By commit: content by path; what is large as its SHA-256 in a tuple."""
    head: str = ""
    tags: dict = field(default_factory=dict)

    def add(self, files):
        self.head = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits[self.head] = files

    def at(self, name):
        known = {"main": self.head} | self.tags | {commit: commit for commit in self.commits}
        return known.get(name)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words):
        pass

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that http.server calls

    def _answer(self):
        address = urlsplit(self.path)
        self.path_only, self.query = unquote(address.path), parse_qs(address.query)
        self.server.asked.append(f"{self.command} {self.path_only}")
        size = int(self.headers.get("Content-Length") or 0)
        if self.server.stall_at and self.server.stall_at in self.path and self.command == "PUT":
            self.rfile.read(size // 2)
            self._stall()
            return None
        body = self.rfile.read(size)
        for part, status in self.server.answers.items():
            if part in f"{self.command} {self.path}":
                return self._send({"error": f"No: {part}"}, status)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" and "/lfs/" not in self.path:
            return self._send({"error": "Invalid username or password."}, 401)
        for method, pattern, do in ROUTES:
            found = re.fullmatch(pattern, self.path_only)
            if self.command in method and found:
                return do(self, body, *found.groups())
        return self._send({"error": f"No such route: {self.command} {self.path}"}, 404)

    def _stall(self):
        self.server.stalled.set()
        Event().wait(20)

    def _send(self, content, status=200, **headers):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(data))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _repo(self, name, revision="main"):
        repo = self.server.repos.get(name)
        if repo is None:
            self._send({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            return None
        if repo.at(revision) is None:
            self._send({"error": "Invalid rev id"}, 404, X_Error_Code="RevisionNotFound")
            return None
        return repo

    def who(self, _body):
        self._send({"type": "user", "name": "ada", "orgs": [], "auth": {"type": "access_token"}})

    def create(self, body):
        asked = json.loads(body)
        name = f"{asked['organization'] or 'ada'}/{asked['name']}"
        url = f"{self.server.endpoint}/datasets/{name}"
        if name in self.server.repos:
            self._send({"error": "You already created this repo", "url": url}, 409)
            return
        self.server.repos[name] = Repo(private=asked.get("visibility") == "private")
        self.server.repos[name].add({".gitattributes": b"*.parquet filter=lfs\n"})
        self._send({"url": url, "name": name, "id": name})

    def info(self, _body, name, revision="main"):
        repo = self._repo(name, revision)
        if repo:
            files = repo.commits[repo.at(revision)]
            siblings = [{"rfilename": path} for path in files]
            told = {"_id": "1", "id": name, "sha": repo.at(revision), "private": repo.private}
            self._send(told | {"tags": [], "siblings": siblings, "downloads": 0, "likes": 0})

    def tree(self, _body, name, revision):
        repo = self._repo(name, revision)
        if not repo:
            return
        found = []
        for path, stored in sorted(repo.commits[repo.at(revision)].items()):
            content = self.server.content(stored)
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            size = self.server.size(stored)
            entry = {"type": "file", "path": path, "size": size, "oid": git}
            if isinstance(stored, tuple):
                entry["lfs"] = {"oid": stored[0], "size": size, "pointerSize": 130}
                if self.server.xet:
                    entry["xetHash"] = self.server.xet_hashes[stored[0]]
            found.append(entry)
        begin = int(self.query.get("cursor", ["0"])[0])
        page, rest = found[begin : begin + 10], found[begin + 10 :]
        url = f"{self.server.endpoint}{self.path_only}?recursive=True&cursor={begin + 10}"
        self._send(page, **({"Link": f'<{url}>; rel="next"'} if rest else {}))

    def refs(self, _body, name):
        repo = self._repo(name)
        if repo:
            tags = [
                {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit}
                for tag, commit in repo.tags.items()
            ]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head}
            self._send({"branches": [main], "tags": tags, "converts": []})

    def preupload(self, body, name, revision):
        repo = self._repo(name, revision)
        if repo:
            files = repo.commits[repo.at(revision)]
            self._send(
                {"files": [self._upload_mode(each, files) for each in json.loads(body)["files"]]}
            )

    def _upload_mode(self, asked, files):
        path = asked["path"]
        mode = {"path": path, "shouldIgnore": False}
        mode["uploadMode"] = "lfs" if path.endswith(LARGE) else "regular"
        stored = files.get(path)
        if isinstance(stored, tuple):
            mode["oid"] = stored[0]
        elif stored is not None:
            mode["oid"] = hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()
        return mode

    def batch(self, body, _name):
        objects = []
        for asked in json.loads(body)["objects"]:
            told = dict(asked)
            if asked["oid"] not in self.server.blobs:
                href = f"{self.server.endpoint}/lfs/{asked['oid']}?{SIGNATURE}"
                told["actions"] = {"upload": {"href": href}}
            objects.append(told)
        self._send({"transfer": "basic", "objects": objects})

    def put(self, body, oid):
        assert hashlib.sha256(body).hexdigest() == oid
        self.server.blobs[oid] = body
        self._send(b"")

    def commit(self, body, name, revision):
        repo = self._repo(name, revision)
        if not repo:
            return
        files = dict(repo.commits[repo.head])
        for line in body.splitlines():
            told = json.loads(line)
            value = told["value"]
            match told["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    assert self.server.xet or value["oid"] in self.server.blobs
                    self.server.sizes[value["oid"]] = value["size"]
                    files[value["path"]] = (value["oid"],)
                case "deletedFile":
                    del files[value["path"]]
        repo.add(files)
        url = f"{self.server.endpoint}/datasets/{name}/commit/{repo.head}"
        self._send({"commitUrl": url, "commitOid": repo.head, "success": True})

    def tag(self, body, name, revision):
        repo = self._repo(name, revision)
        if repo:
            repo.tags[json.loads(body)["tag"]] = repo.at(revision)
            self._send({})

    def untag(self, _body, name, tag):
        del self.server.repos[name].tags[tag]
        self._send({})

    def resolve(self, _body, name, revision, path):
        repo = self._repo(name, revision)
        if not repo:
            return
        stored = repo.commits[repo.at(revision)].get(path)
        if stored is None:
            self._send({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
            return
        content = self.server.content(stored)
        headers = {"X_Repo_Commit": repo.at(revision), "Accept_Ranges": "bytes"}
        if isinstance(stored, tuple):
            headers |= {"X_Linked_Etag": f'"{stored[0]}"', "X_Linked_Size": str(len(content))}
            headers["ETag"] = f'"{stored[0]}"'
            content = self.server.wrong.get(stored[0], content)
        else:
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            headers["ETag"] = f'"{git}"'
        self._range(content, headers)

    def _range(self, content, headers):
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(found[1]) if found else 0
        if self.command == "HEAD":
            self._send(b"", Content_Length=str(len(content)), **headers)
        elif self.server.stall_at and self.server.stall_at in self.path:
            self._send(content[: len(content) // 2], Content_Length=str(len(content)), **headers)
            self._stall()
        elif begin:
            span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self._send(content[begin:], 206, Content_Range=span, **headers)
        else:
            self._send(content, **headers)

    def xet_token(self, _body, _name, _kind, _revision):
        told = {"casUrl": f"local://{self.server.xet}", "exp": 4102444800, "accessToken": "xet"}
        headers = {"X_Xet_Cas_Url": told["casUrl"], "X_Xet_Token_Expiration": str(told["exp"])}
        self._send(told, X_Xet_Access_Token="xet", **headers)

    def yaml(self, _body):
        self._send({"errors": [], "warnings": []})


NAME = r"([^/]+/[^/]+)"
ROUTES = [
    ("GET", r"/api/whoami-v2", Handler.who),
    ("POST", r"/api/repos/create", Handler.create),
    ("POST", r"/api/validate-yaml", Handler.yaml),
    ("GET", rf"/api/datasets/{NAME}", Handler.info),
    ("GET", rf"/api/datasets/{NAME}/revision/(.+)", Handler.info),
    ("GET", rf"/api/datasets/{NAME}/tree/([^/]+)", Handler.tree),
    ("GET", rf"/api/datasets/{NAME}/refs", Handler.refs),
    ("POST", rf"/api/datasets/{NAME}/preupload/(.+)", Handler.preupload),
    ("POST", rf"/api/datasets/{NAME}/commit/(.+)", Handler.commit),
    ("POST", rf"/api/datasets/{NAME}/tag/(.+)", Handler.tag),
    ("DELETE", rf"/api/datasets/{NAME}/tag/(.+)", Handler.untag),
    ("GET", rf"/api/datasets/{NAME}/xet-(read|write)-token/(.+)", Handler.xet_token),
    ("POST", rf"/datasets/{NAME}\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", r"/lfs/([0-9a-f]{64})", Handler.put),
    ("GET HEAD", rf"/datasets/{NAME}/resolve/([^/]+)/(.+)", Handler.resolve),
]
