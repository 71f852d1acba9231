"""UP42's first API: projects, workflows, jobs and tasks, each result one archive with a `data.json` inside.

envelope    the wrapper around every answer
jobs        a listed job -> JobRecord
tasks       the tasks of a job, the blocks that ran in it
features    data.json -> features with a name, a path and a footprint
acquisition when, how cloudy, under which sun: stated in many spellings
footprint   bbox of a geometry, over the date line too
members     which files of the archive a path means
quicklooks  which picture belongs to which item
items       all of it -> ItemRecord
provider    asks the API
"""
