// Which events are at the same time as another one.

type Timed = { starts_at: string; ends_at: string; all_day: boolean; free_busy_status: string; status: string }

export function overlapping<T extends Timed>(all: T[]): Set<T> {
  const busy = all.filter((one) => !one.all_day && one.free_busy_status === 'busy' && one.status !== 'cancelled')
  const moment = (at: string) => Date.parse(at)
  busy.sort((one, other) => moment(one.starts_at) - moment(other.starts_at))
  const found = new Set<T>()
  let longest: T | undefined
  for (const one of busy) {
    if (longest && moment(one.starts_at) < moment(longest.ends_at)) found.add(one).add(longest)
    if (!longest || moment(one.ends_at) > moment(longest.ends_at)) longest = one
  }
  return found
}
