"""UP42's first API: projects, workflows, jobs and tasks, each result one archive with a `data.json` inside.

envelope     the wrapper around every answer
jobs         a listed job -> JobRecord
tasks        the tasks of a job, the blocks that ran in it
features     data.json -> scenes with a name, paths and a footprint
footprint    geometries made sound, their boxes, over the date line too
acquisition  when, how cloudy, under which sun: stated in many spellings
members      which files of the archive a path means
assets       the files of a scene -> AssetRecords
quicklooks   which picture belongs to which item
items        all of it -> ItemRecords
collections  the Collection that a job feeds
client       asks the API
provider     what the rest of stacsync talks to
"""
