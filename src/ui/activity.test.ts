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
    clock.show('a');
    time.advance(12.3);
    expect(clock.take('a')).toBe(12.3);
    time.advance(4);
    expect(clock.take('a')).toBe(4);
  });

  it('stops 60 seconds after the last sign of life', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    clock.show('a');
    time.advance(10);
    clock.touch('a');
    time.advance(3_600);
    clock.touch('a');
    time.advance(5);
    expect(clock.take('a')).toBe(75);
  });

  it('does not count while the window has no focus', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    clock.show('a');
    time.advance(5);
    clock.setFocused(false);
    time.advance(30);
    clock.touch('a');
    time.advance(30);
    clock.setFocused(true);
    time.advance(2);
    expect(clock.take('a')).toBe(7);
  });

  it('keeps counting when focus is reported twice', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    clock.show('a');
    time.advance(3);
    clock.setFocused(true);
    time.advance(3);
    expect(clock.take('a')).toBe(6);
  });

  it('counts a row from when it was selected, not from the decision before', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    clock.show('a');
    time.advance(40);
    clock.touch('a');
    clock.touch('b');
    time.advance(3);
    expect(clock.take('b')).toBe(3);
  });

  it('credits a text that is committed just after its row was left to that row', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    clock.show('a');
    time.advance(8);
    clock.touch('b');
    time.advance(2);
    expect(clock.take('a')).toBe(8);
    expect(clock.take('a')).toBe(0);
    expect(clock.take('b')).toBe(2);
  });

  it('takes what shows itself for no sign of life', () => {
    const time = clockAt();
    const clock = new ActivityClock(time.now, true);
    clock.show('a');
    for (let n = 0; n < 5; n++) {
      time.advance(50);
      clock.show('a');
    }
    expect(clock.take('a')).toBe(60);
  });
});
