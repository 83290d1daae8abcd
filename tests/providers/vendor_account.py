"""What the vendors keep for an account besides emails: metrics, templates, flows, and what became of emails."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]


@dataclass
class Account:
    """Both vendors' objects, as their APIs list and make them. Lists are given out `page` objects at a time."""

    metrics: list[str] = field(default_factory=list)
    templates: list[Json] = field(default_factory=list)
    flows: list[Json] = field(default_factory=list)
    happened: list[Json] = field(default_factory=list)
    """Klaviyo's events about emails: `email`, `metric`, `timestamp`, `properties`."""
    dynamic: list[Json] = field(default_factory=list)
    """SendGrid's dynamic templates, each with its `versions`."""
    page: int = 10

    def answer(self, method: str, path: str, query: str, body: Any, host: str) -> Json | None:
        """The body of an answer, None where the vendor gives none."""
        asked = dict(parse_qsl(query))
        match method, path:
            case "GET", "/api/metrics":
                listed = [
                    {"type": "metric", "id": f"M{n}", "attributes": {"name": name}}
                    for n, name in enumerate(self.metrics)
                ]
                return self._paged(listed, path, asked, host)
            case "GET", "/api/templates":
                return self._paged(_named(self.templates, asked), path, asked, host)
            case "GET", "/api/flows":
                return self._paged(_named(self.flows, asked), path, asked, host)
            case "GET", "/api/profiles":
                return {"data": self._profiles(asked)}
            case "GET", "/api/events":
                return self._events(asked, path, host)
            case "POST", "/api/templates":
                return {"data": _made(self.templates, "T", body)}
            case "POST", "/api/flows":
                return {"data": _made(self.flows, "F", body)}
            case "GET", "/v3/templates":
                return self._dynamic(asked, host)
            case "POST", "/v3/templates":
                self.dynamic.append({"id": f"d-{len(self.dynamic)}a", "versions": [], **body})
                return self.dynamic[-1]
            case "POST", _ if found := re.fullmatch(r"/v3/templates/([^/]+)/versions", path):
                (template,) = [it for it in self.dynamic if it["id"] == found[1]]
                template["versions"].append(body)
                return {"id": "v1", **body}
        return None

    def recorded(self, metric: str) -> None:
        """An event came: its metric exists from now on."""
        if metric not in self.metrics:
            self.metrics.append(metric)

    def _profiles(self, asked: Mapping[str, str]) -> list[Json]:
        found = re.fullmatch(r'equals\(email,"([^"]+)"\)', asked["filter"])
        assert found, asked
        known = list(dict.fromkeys(event["email"] for event in self.happened))
        return [
            {"type": "profile", "id": f"P{known.index(email)}", "attributes": {"email": email}}
            for email in known
            if email == found[1]
        ]

    def _events(self, asked: Mapping[str, str], path: str, host: str) -> Json:
        found = re.fullmatch(
            r'equals\(profile_id,"P(\d+)"\),greater-or-equal\(timestamp,(\d+)\)', asked["filter"]
        )
        assert found, asked
        email = list(dict.fromkeys(event["email"] for event in self.happened))[int(found[1])]
        listed = [
            {
                "type": "event",
                "id": f"E{n}",
                "attributes": {"timestamp": it["timestamp"], "event_properties": it["properties"]},
                "relationships": {"metric": {"data": {"type": "metric", "id": it["metric"]}}},
            }
            for n, it in enumerate(self.happened)
            if it["email"] == email and it["timestamp"] >= int(found[2])
        ]
        names = sorted({it["metric"] for it in self.happened})
        included = [{"type": "metric", "id": name, "attributes": {"name": name}} for name in names]
        return self._paged(listed, path, asked, host) | {"included": included}

    def _paged(self, listed: list[Json], path: str, asked: Mapping[str, str], host: str) -> Json:
        start = int(asked.get("page[cursor]", 0))
        rest = len(listed) > start + self.page
        following = f"http://{host}{path}?page%5Bcursor%5D={start + self.page}" if rest else None
        return {"data": listed[start : start + self.page], "links": {"self": path, "next": following}}

    def _dynamic(self, asked: Mapping[str, str], host: str) -> Json:
        start, size = int(asked.get("page_token", 0)), min(self.page, int(asked["page_size"]))
        rest = len(self.dynamic) > start + size
        following = {"next": f"http://{host}/v3/templates?page_token={start + size}"} if rest else {}
        return {"result": self.dynamic[start : start + size], "_metadata": following}


def _named(kept: list[Json], asked: Mapping[str, str]) -> list[Json]:
    found = re.fullmatch(r'equals\(name,"(.+)"\)', asked.get("filter", ""))
    return [it for it in kept if not found or it["attributes"]["name"] == found[1]]


def _made(kept: list[Json], letter: str, body: Any) -> Json:
    kept.append({**body["data"], "id": f"{letter}{len(kept)}"})
    return kept[-1]
