"""Where only an address is known: by which clock its place lives."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

_REGIONS = {
    "US": {
        "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
        "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
        "America/Denver": "CO ID MT NM UT WY",
        "America/Phoenix": "AZ",
        "America/Los_Angeles": "CA NV OR WA",
        "America/Anchorage": "AK",
        "Pacific/Honolulu": "HI",
    },
    "CA": {
        "America/Toronto": "ON QC",
        "America/Halifax": "NB NS PE",
        "America/St_Johns": "NL",
        "America/Winnipeg": "MB",
        "America/Regina": "SK",
        "America/Edmonton": "AB NT",
        "America/Vancouver": "BC",
        "America/Whitehorse": "YT",
    },
    "AU": {
        "Australia/Sydney": "ACT NSW",
        "Australia/Melbourne": "VIC",
        "Australia/Brisbane": "QLD",
        "Australia/Adelaide": "SA",
        "Australia/Perth": "WA",
        "Australia/Hobart": "TAS",
        "Australia/Darwin": "NT",
    },
}
"""The clock that most of a state or province lives by: a few counties of some have their neighbour's."""
_BY_REGION = {
    (country, region): zone
    for country, zones in _REGIONS.items()
    for zone, regions in zones.items()
    for region in regions.split()
}
_NAMES = {
    "US": "Alabama AL, Alaska AK, Arizona AZ, Arkansas AR, California CA, Colorado CO, Connecticut CT, Delaware DE,"
    " District of Columbia DC, Florida FL, Georgia GA, Hawaii HI, Idaho ID, Illinois IL, Indiana IN, Iowa IA,"
    " Kansas KS, Kentucky KY, Louisiana LA, Maine ME, Maryland MD, Massachusetts MA, Michigan MI, Minnesota MN,"
    " Mississippi MS,"
    " Missouri MO, Montana MT, Nebraska NE, Nevada NV, New Hampshire NH, New Jersey NJ, New Mexico NM, New York NY,"
    " North Carolina NC, North Dakota ND, Ohio OH, Oklahoma OK, Oregon OR, Pennsylvania PA, Rhode Island RI,"
    " South Carolina SC, South Dakota SD, Tennessee TN, Texas TX, Utah UT, Vermont VT, Virginia VA, Washington WA,"
    " West Virginia WV, Wisconsin WI, Wyoming WY",
    "CA": "Alberta AB, British Columbia BC, Manitoba MB, New Brunswick NB, Newfoundland and Labrador NL,"
    " Northwest Territories NT, Nova Scotia NS, Ontario ON, Prince Edward Island PE, Quebec QC, Québec QC,"
    " Saskatchewan SK, Yukon YT",
    "AU": "Australian Capital Territory ACT, New South Wales NSW, Northern Territory NT, Queensland QLD,"
    " South Australia SA, Tasmania TAS, Victoria VIC, Western Australia WA",
}
_CODES = {
    (country, name.rpartition(" ")[0].upper()): name.rpartition(" ")[2]
    for country, names in _NAMES.items()
    for name in names.split(", ")
}
_MOMENTS = (datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC))


@lru_cache(maxsize=1024)
def zone_of(country: str | None, region: str | None = None) -> str | None:
    """The IANA zone of an address, by its ISO 3166 country and its state, as code or English name; None where
    it can't be told.

    Of a country without a table here it is known where all its clocks show the same.
    """
    code = (country or "").upper()
    if code in _REGIONS:
        state = (region or "").strip().upper()
        return _BY_REGION.get((code, _CODES.get((code, state), state)))
    zones = [zone for zone in get_global("territory_zones").get(code, ()) if _known(zone)]
    clocks = {tuple(moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in _MOMENTS) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
