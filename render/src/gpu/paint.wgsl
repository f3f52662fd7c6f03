// Paints every primitive: one instance, one rectangle of pixels, one of eight ways to colour it.
// The formulas are those of the CPU renderer; what differs is rounding.

struct Clip {
    rect: vec4<i32>,
    radius: f32,
    // The clip around this one, counted from 1; 0 for none.
    outer: u32,
    unused: vec2<u32>,
}

struct Frame {
    size: vec2<f32>,
    unused: vec2<f32>,
    unused_too: vec4<f32>,
    clips: array<Clip, 255>,
}

@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var coverage_sheet: texture_2d<f32>;
@group(0) @binding(2) var color_sheet: texture_2d<f32>;
@group(0) @binding(3) var curves: texture_2d<f32>;
@group(1) @binding(0) var picture: texture_2d<f32>;

const QUAD: u32 = 0u;
const DASHED_RING: u32 = 1u;
const SHADOW: u32 = 2u;
const DASHED_RULE: u32 = 3u;
const SQUIGGLE: u32 = 4u;
const COVERAGE_BITMAP: u32 = 5u;
const COLOR_BITMAP: u32 = 6u;
const PICTURE: u32 = 7u;

// As in `device`.
const DASH: f32 = 3.0;
const DASH_PERIOD: f32 = 5.0;
const WAVE_PERIOD: f32 = 5.0;
const WAVE_AMPLITUDE: f32 = 1.25;
const TAU: f32 = 6.2831855;
// A shadow's corner is blurred in so many slabs at most.
const SLABS_MAX: f32 = 32.0;

struct Painted {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) rect: vec4<i32>,
    @location(1) @interpolate(flat) shape: vec4<f32>,
    @location(2) @interpolate(flat) fill: vec4<f32>,
    @location(3) @interpolate(flat) edge: vec4<f32>,
    // Kind, coverage curve, clip: 8, 8 and 16 bits.
    @location(4) @interpolate(flat) what: u32,
    @location(5) @interpolate(flat) stroke: f32,
}

@vertex
fn place(
    @builtin(vertex_index) vertex: u32,
    @location(0) bounds: vec4<i32>,
    @location(1) rect: vec4<i32>,
    @location(2) shape: vec4<f32>,
    @location(3) fill: vec4<f32>,
    @location(4) edge: vec4<f32>,
    @location(5) what: u32,
    @location(6) stroke: f32,
) -> Painted {
    let corner = vec2<i32>(i32(vertex & 1u), i32(vertex >> 1u));
    let at = vec2<f32>(bounds.xy + corner * (bounds.zw - bounds.xy)) / frame.size;
    var out: Painted;
    out.position = vec4<f32>(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    out.rect = rect;
    out.shape = shape;
    out.fill = fill;
    out.edge = edge;
    out.what = what;
    out.stroke = stroke;
    return out;
}

// How much of a pixel a circle covers; `at` is the pixel's middle.
fn circle(at: vec2<f32>, center: vec2<f32>, radius: f32) -> f32 {
    return clamp(radius - length(at - center) + 0.5, 0.0, 1.0);
}

// How much of a pixel a round rectangle covers; radii clockwise from the top left.
fn round_coverage(pixel: vec2<i32>, rect: vec4<i32>, radii: vec4<f32>) -> f32 {
    if any(pixel < rect.xy) || any(pixel >= rect.zw) {
        return 0.0;
    }
    let at = vec2<f32>(pixel - rect.xy) + 0.5;
    let size = vec2<f32>(rect.zw - rect.xy);
    var left = vec2<f32>(0.0, at.y);
    if at.y < radii.x {
        left = vec2<f32>(radii.x, radii.x);
    } else if at.y > size.y - radii.w {
        left = vec2<f32>(radii.w, size.y - radii.w);
    }
    var right = vec2<f32>(0.0, at.y);
    if at.y < radii.y {
        right = vec2<f32>(radii.y, radii.y);
    } else if at.y > size.y - radii.z {
        right = vec2<f32>(radii.z, size.y - radii.z);
    }
    if left.x > 0.0 && at.x < left.x {
        return circle(at, left, left.x);
    }
    if right.x > 0.0 && at.x > size.x - right.x {
        return circle(at, vec2<f32>(size.x - right.x, right.y), right.x);
    }
    return 1.0;
}

fn inset(rect: vec4<i32>, by: f32) -> vec4<i32> {
    let whole = i32(by);
    return rect + vec4<i32>(whole, whole, -whole, -whole);
}

// A fill and an unbroken border that share a pixel.
fn quad(pixel: vec2<i32>, in: Painted) -> vec4<f32> {
    let whole = round_coverage(pixel, in.rect, in.shape);
    var inside = whole;
    if in.stroke > 0.0 {
        let radii = max(in.shape - in.stroke, vec4<f32>(0.0));
        inside = round_coverage(pixel, inset(in.rect, in.stroke), radii);
    }
    let of_fill = inside * in.fill.a;
    let of_edge = max(whole - inside, 0.0) * in.edge.a;
    let alpha = of_fill + of_edge;
    if alpha <= 0.0 {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(mix(in.fill.rgb, in.edge.rgb, of_edge / alpha), alpha);
}

fn dash_coverage(phase: f32, period: f32) -> f32 {
    let half = period * DASH / DASH_PERIOD / 2.0;
    let distance = min(abs(phase - half), abs(phase - period - half));
    return clamp(half - distance + 0.5, 0.0, 1.0);
}

fn remainder(value: f32, period: f32) -> f32 {
    return value - floor(value / period) * period;
}

// How far along the way around a round rectangle a place lies, clockwise from its top edge.
fn way(at: vec2<f32>, size: vec2<f32>, r: f32, width: f32) -> f32 {
    let across = size.x - 2.0 * r;
    let down = size.y - 2.0 * r;
    let arc = r * TAU / 4.0;
    let far = size - r;
    if at.x > far.x && at.y < r {
        return across + max(atan2(at.x - far.x, r - at.y), 0.0) * r;
    }
    if at.x > far.x && at.y > far.y {
        return across + arc + down + max(atan2(at.y - far.y, at.x - far.x), 0.0) * r;
    }
    if at.x < r && at.y > far.y {
        return 2.0 * across + 2.0 * arc + down + max(atan2(r - at.x, at.y - far.y), 0.0) * r;
    }
    if at.x < r && at.y < r {
        return 2.0 * (across + down) + 3.0 * arc + max(atan2(r - at.y, r - at.x), 0.0) * r;
    }
    if at.y < width {
        return at.x - r;
    }
    if at.x > size.x - width {
        return across + arc + at.y - r;
    }
    if at.y > size.y - width {
        return across + 2.0 * arc + down + far.x - at.x;
    }
    return 2.0 * across + 3.0 * arc + down + far.y - at.y;
}

fn dashed_ring(pixel: vec2<i32>, in: Painted) -> f32 {
    let radii = max(in.shape - in.stroke, vec4<f32>(0.0));
    let inner = round_coverage(pixel, inset(in.rect, in.stroke), radii);
    let ring = round_coverage(pixel, in.rect, in.shape) - inner;
    if ring <= 0.0 {
        return 0.0;
    }
    let size = vec2<f32>(in.rect.zw - in.rect.xy);
    let r = in.shape.x;
    let length = 2.0 * (size.x + size.y - 4.0 * r) + r * TAU;
    let period = length / max(floor(length / (DASH_PERIOD * in.stroke) + 0.5), 1.0);
    let at = vec2<f32>(pixel - in.rect.xy) + 0.5;
    return ring * dash_coverage(remainder(way(at, size, r, in.stroke), period), period);
}

// The normal distribution's integral up to `x` (Abramowitz and Stegun 7.1.26).
fn integral(x: f32) -> f32 {
    let z = abs(x) * 0.70710677;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = t * (0.2548296 + t * (-0.28449672 + t * (1.4214138
        + t * (-1.453152 + t * 1.0614054))));
    let erf = 1.0 - series * exp(-z * z);
    return select(1.0 - erf, 1.0 + erf, x >= 0.0) / 2.0;
}

fn between(low: f32, high: f32, at: f32, sigma: f32) -> f32 {
    return integral((at - low) / sigma) - integral((at - high) / sigma);
}

// The Gaussian blur of a round rectangle: its middle, and its corners in slabs of whole rows.
fn shadow(pixel: vec2<i32>, rect: vec4<i32>, sigma: f32, radius: f32) -> f32 {
    let size = vec2<f32>(rect.zw - rect.xy);
    let middle = vec2<f32>(pixel - rect.xy) + 0.5;
    let at = min(middle, size - middle);
    let rows = ceil(radius);
    let slab = max(ceil(rows / SLABS_MAX), 1.0);
    var sum = max(between(rows, size.y - rows, at.y, sigma), 0.0)
        * between(0.0, size.x, at.x, sigma);
    for (var top = 0.0; top < rows; top += slab) {
        let bottom = min(top + slab, rows);
        let rise = max(radius - (top + bottom) / 2.0, 0.0);
        let inset = radius - sqrt(max(radius * radius - rise * rise, 0.0));
        let weight = between(top, bottom, at.y, sigma)
            + between(size.y - bottom, size.y - top, at.y, sigma);
        sum += weight * between(inset, size.x - inset, at.x, sigma);
    }
    return clamp(sum, 0.0, 1.0);
}

fn squiggle(at: vec2<f32>, stroke: f32) -> f32 {
    let amplitude = stroke * WAVE_AMPLITUDE;
    let turn = TAU / (stroke * WAVE_PERIOD);
    let angle = at.x * turn;
    let center = amplitude + stroke / 2.0 + 0.5 - amplitude * sin(angle);
    let slope = amplitude * turn * cos(angle);
    let half = stroke / 2.0 * sqrt(1.0 + slope * slope);
    let covered = min(center + half, at.y + 0.5) - max(center - half, at.y - 0.5);
    return clamp(covered, 0.0, 1.0);
}

// The picture at a place between its pixels, weighted by alpha so that clear ones add no colour.
fn sampled(pixel: vec2<i32>, rect: vec4<i32>) -> vec4<f32> {
    let extent = vec2<i32>(textureDimensions(picture));
    let step = vec2<f32>(extent) / vec2<f32>(max(rect.zw - rect.xy, vec2<i32>(1)));
    let at = (vec2<f32>(pixel - rect.xy) + 0.5) * step - 0.5;
    let low = floor(at);
    let part = at - low;
    var sum = vec4<f32>(0.0);
    for (var i = 0; i < 4; i++) {
        let corner = vec2<i32>(i & 1, i >> 1u);
        let texel = clamp(vec2<i32>(low) + corner, vec2<i32>(0), extent - 1);
        let near = select(1.0 - part, part, corner == vec2<i32>(1));
        let color = textureLoad(picture, texel, 0);
        sum += vec4<f32>(color.rgb * color.a, color.a) * near.x * near.y;
    }
    if sum.a <= 0.0 {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(sum.rgb / sum.a, sum.a);
}

fn clip_coverage(pixel: vec2<i32>, innermost: u32) -> f32 {
    var coverage = 1.0;
    var index = innermost;
    while index != 0u {
        let clip = frame.clips[index - 1u];
        coverage *= round_coverage(pixel, clip.rect, vec4<f32>(clip.radius));
        index = clip.outer;
    }
    return coverage;
}

@fragment
fn paint(in: Painted) -> @location(0) vec4<f32> {
    let pixel = vec2<i32>(floor(in.position.xy));
    let at = vec2<f32>(pixel - in.rect.xy) + 0.5;
    var color = in.fill;
    switch in.what & 0xffu {
        case QUAD: {
            color = quad(pixel, in);
        }
        case DASHED_RING: {
            color.a *= dashed_ring(pixel, in);
        }
        case SHADOW: {
            color.a *= shadow(pixel, in.rect, in.shape.x, in.shape.y);
        }
        case DASHED_RULE: {
            let period = DASH_PERIOD * in.stroke;
            color.a *= dash_coverage(remainder(at.x, period), period);
        }
        case SQUIGGLE: {
            color.a *= squiggle(at, in.stroke);
        }
        case COVERAGE_BITMAP: {
            let drawn = textureLoad(coverage_sheet, pixel + in.rect.xy, 0).r;
            let curve = i32((in.what >> 8u) & 0xffu);
            let place = vec2<i32>(i32(floor(drawn * 255.0 + 0.5)), curve);
            color.a *= textureLoad(curves, place, 0).r;
        }
        case COLOR_BITMAP: {
            let drawn = textureLoad(color_sheet, pixel + in.rect.xy, 0);
            color = vec4<f32>(drawn.rgb, drawn.a * in.fill.a);
        }
        default: {
            color = sampled(pixel, in.rect);
            color.a *= round_coverage(pixel, in.rect, vec4<f32>(in.shape.x));
        }
    }
    color.a *= clip_coverage(pixel, in.what >> 16u);
    return color;
}
