import { describe, expect, it } from 'vitest';
import { ActivityClock } from './activity.js';

function clockAt(): { advance: (seconds: number) => void; now: () => number } {
  let ms = 1_000;
  return { advance: (seconds) => (ms += seconds * 1_000), now: () => ms };
}

describe('ActivityClock', () => {
  it('counts the seconds between two decisions', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    time.advance(12.3);
    expect(clock.take()).toBe(12.3);
    time.advance(4);
    expect(clock.take()).toBe(4);
  });

  it('stops 60 seconds after the last sign of life', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    time.advance(10);
    clock.touch();
    time.advance(3_600);
    clock.touch();
    time.advance(5);
    expect(clock.take()).toBe(75);
  });

  it('does not count while the window has no focus', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    time.advance(5);
    clock.setFocused(false);
    time.advance(30);
    clock.touch();
    time.advance(30);
    clock.setFocused(true);
    time.advance(2);
    expect(clock.take()).toBe(7);
  });

  it('keeps counting when focus is reported twice', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    time.advance(3);
    clock.setFocused(true);
    time.advance(3);
    expect(clock.take()).toBe(6);
  });
});
