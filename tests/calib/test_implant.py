import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import CROP, Doubles, Floats, crop_landmarks, crop_transform
from calib.implant import Implant, crop_fields, smooth_transforms, temporal_noise
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo

SMILE = PhantomEvent(0.2, 0.35, 0.6, (("AU12", 0.02),))
UPRIGHT: Doubles = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def uniform(u: float, v: float) -> dict[str, Floats]:
    """A field that moves the whole crop."""
    return {"AU12": np.tile(np.array([u, v], np.float32), (CROP, CROP, 1))}


def noise(sigma: float, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).normal(128, sigma, (CROP, CROP, 3)).round().clip(0, 255).astype(np.uint8)


def scene(seed: int) -> NDArray[np.uint8]:
    """Smooth texture, whose shift phase correlation can read."""
    grain = np.random.default_rng(seed).standard_normal((CROP, CROP)).astype(np.float32)
    smooth = cv2.GaussianBlur(grain, (0, 0), 3.0)
    grey = (128 + 30 * smooth / smooth.std()).clip(0, 255)
    return np.repeat(grey[..., None], 3, axis=-1).round().astype(np.uint8)


def at_peak(fields: dict[str, Floats], image: NDArray[np.uint8], sigma: float = 0.0) -> NDArray[np.uint8]:
    event = PhantomEvent(0.2, 0.35, 0.6, (("AU12", 1.0),))
    return Implant([event], fields, [UPRIGHT], [0.35], sigma).frame(0, image)


def test_it_is_what_the_phantom_would_have_shown(portrait: PhantomFace) -> None:
    """The moving head included: warping a resting performance gives the same frames as performing."""
    still = Nuisance(noise=0.0, light=0.0)
    resting, smiling = (PhantomVideo(portrait, PhantomScript(e, (), still), 400, 360, 85.0) for e in ((), (SMILE,)))
    times_s = [k / 30 for k in range(24)]
    transforms = [crop_transform(resting.landmarks(t_s)) for t_s in times_s]
    mesh = crop_landmarks(transforms[0], resting.landmarks(0.0))
    implant = Implant([SMILE], crop_fields(["AU12"], mesh), smooth_transforms(transforms, times_s), times_s, 0.0)
    for index in (8, 11, 14):
        before, wanted = (video.frame(times_s[index]).astype(float) for video in (resting, smiling))
        made = implant.frame(index, resting.frame(times_s[index])).astype(float)
        face = smiling.flow(0.0, times_s[index]).valid
        # Both are rounded to whole grey levels, which alone makes them differ by √(2 / 12) = 0.41.
        assert (made - wanted)[face].std() < 0.5
        assert (before - wanted)[face].std() > 1.0


@pytest.mark.parametrize("shift", [(0.01, 0.0), (0.1, -0.05), (0.37, 0.21), (0.5, 0.5)])
def test_movements_are_exact_to_a_hundredth_of_a_pixel(shift: tuple[float, float]) -> None:
    before = scene(1)
    after = at_peak(uniform(*shift), before)
    inside = slice(32, -32), slice(32, -32)
    window = cv2.createHanningWindow((CROP - 64, CROP - 64), cv2.CV_32F)
    pair = [image[..., 0][inside].astype(np.float32) for image in (before, after)]
    # Least squares on the brightness: I1 - I0 = -∇I · d, with the gradient of both.
    mean = (pair[0] + pair[1]) / 2
    slopes = np.stack([np.gradient(mean, axis=1)[window > 0.1], np.gradient(mean, axis=0)[window > 0.1]], axis=1)
    moved = -np.linalg.lstsq(slopes, (pair[1] - pair[0])[window > 0.1], rcond=None)[0]
    assert moved == pytest.approx(np.array(shift), abs=0.01 + 0.02 * np.hypot(*shift))


def test_whole_pixels_are_moved_as_they_are() -> None:
    before = noise(4.0, 2)
    after = at_peak(uniform(2.0, -1.0), before, sigma=4.0)
    # The pattern that dithers the finer steps leaves whole ones alone.
    assert (after[32:-32, 32:-32] == before[33:-31, 30:-34]).all()


@pytest.mark.parametrize("shift", [0.1, 0.25, 0.5])
def test_a_moved_frame_is_as_noisy_as_one_at_rest(shift: float) -> None:
    before = noise(4.0, 3)
    without, made_good = (at_peak(uniform(shift, shift), before, sigma)[32:-32, 32:-32] for sigma in (0.0, 4.0))
    assert made_good.std() == pytest.approx(before.std(), rel=0.02)
    assert without.std() < made_good.std()


def test_only_what_moves_is_touched_and_never_the_recording(portrait: PhantomFace) -> None:
    video = PhantomVideo(portrait, PhantomScript(nuisance=Nuisance(noise=0.0)), 400, 360, 85.0)
    image = video.frame(0.0)
    kept = image.copy()
    transform = crop_transform(video.landmarks(0.0))
    fields = crop_fields(["AU12"], crop_landmarks(transform, video.landmarks(0.0)))
    implant = Implant([SMILE], fields, [transform] * 3, [0.0, 0.35, 0.9], 2.0)
    assert implant.frame(0, image) is image
    assert implant.frame(2, image) is image
    moved = implant.frame(1, image)
    assert (image == kept).all()
    assert (moved != image).any()
    assert (moved[:20] == image[:20]).all()
    assert (moved == implant.frame(1, image)).all()


@pytest.mark.parametrize("sigma", [0.7, 2.0, 6.0])
def test_the_noise_is_read_off_neighbouring_frames(sigma: float) -> None:
    frames = [noise(sigma, seed) for seed in range(4)]
    repeated = [frame for frame in frames for _ in range(2)]
    seen = np.hypot(sigma, np.sqrt(1 / 12))  # rounded to whole grey levels
    assert temporal_noise(frames) == pytest.approx(seen, rel=0.08)
    assert temporal_noise(repeated) == pytest.approx(seen, rel=0.08)
    assert temporal_noise([frames[0]] * 3) == 0.0


def test_the_tremble_of_the_mesh_is_smoothed_and_the_path_is_kept() -> None:
    times_s = [k / 30 for k in range(120)]
    rng = np.random.default_rng(0)
    paths = [np.array([[0.8, 0.0, 20 * t], [0.0, 0.8, 5.0]]) for t in times_s]
    trembling = [path + rng.normal(0, 0.3, (2, 3)) * [0, 0, 1] for path in paths]
    smooth = np.stack(smooth_transforms(trembling, times_s))[15:-15]
    assert np.abs(smooth - np.stack(paths)[15:-15]).max() < 0.35
    assert np.diff(smooth[:, 1, 2]).std() < 0.1 * np.diff(np.stack(trembling)[:, 1, 2]).std()
