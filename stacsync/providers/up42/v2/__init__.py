"""UP42's API of today: processing jobs whose results lie in a STAC storage.

addresses   what belongs to the API, what lies elsewhere
jobs        a listed job -> JobRecord
items       an Item of the storage -> ItemRecord
assets      its assets -> AssetRecords
collections a job and its source Collection -> CollectionRecord
storage     asks the STAC API, with pystac-client over our own session
provider    asks the rest
"""
