"""A RealSense that never was: a .db3 recording of drawn pictures by librealsense, to plug in."""

import time

import numpy as np

WIDTH, HEIGHT, FPS = 320, 240, 30
DEPTH_UNITS = 0.001


def record(path, serial, *, frames=20, millimetres=500):
    """Film `frames` grey pictures that grow lighter, everything `millimetres` away."""
    import pyrealsense2 as rs

    device = rs.software_device()
    device.register_info(rs.camera_info.name, "Drawn D405")
    device.register_info(rs.camera_info.serial_number, serial)
    device.register_info(rs.camera_info.physical_port, "2-1-3")
    device.register_info(rs.camera_info.usb_type_descriptor, "3.2")
    stereo, colour = device.add_sensor("Stereo Module"), device.add_sensor("RGB Camera")
    profiles = (
        stereo.add_video_stream(_stream(rs, rs.stream.depth, 0, rs.format.z16, 2)),
        colour.add_video_stream(_stream(rs, rs.stream.color, 1, rs.format.rgb8, 3)),
    )
    stereo.add_read_only_option(rs.option.depth_units, DEPTH_UNITS)
    same_place = rs.extrinsics()
    same_place.rotation, same_place.translation = np.eye(3).ravel().tolist(), [0.0] * 3
    profiles[0].register_extrinsics_to(profiles[1], same_place)

    recorder = rs.recorder(str(path), device)
    sensors, queue = recorder.query_sensors(), rs.frame_queue(200)
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles()[0])
        sensor.start(queue)
    for number in range(frames):
        depth = np.full((HEIGHT, WIDTH), millimetres, np.uint16)
        grey = np.full((HEIGHT, WIDTH, 3), 40 + 5 * number % 200, np.uint8)
        stereo.on_video_frame(_frame(rs, depth, profiles[0], number))
        colour.on_video_frame(_frame(rs, grey, profiles[1], number))
        time.sleep(0.5 / FPS)
    for sensor in sensors:
        sensor.stop()
        sensor.close()


class Plug:
    """A camera's cable: in, its recording is filmed once more; out, the camera is gone."""

    def __init__(self, context, path):
        self.context, self.path = context, str(path)
        self.put_in()

    def put_in(self):
        self.device = self.context.load_device(self.path)  # gone with its last reference

    def pull(self):
        self.context.unload_device(self.path)
        self.device = None


def _stream(rs, kind, uid, fmt, bytes_per_pixel):
    stream = rs.video_stream()
    stream.type, stream.index, stream.uid, stream.fmt = kind, 0, uid, fmt
    stream.width, stream.height, stream.fps, stream.bpp = WIDTH, HEIGHT, FPS, bytes_per_pixel
    lens = rs.intrinsics()
    lens.width, lens.height = WIDTH, HEIGHT
    lens.ppx, lens.ppy, lens.fx, lens.fy = WIDTH / 2, HEIGHT / 2, 300.0, 300.0
    lens.model, lens.coeffs = rs.distortion.none, [0.0] * 5
    stream.intrinsics = lens
    return stream


def _frame(rs, pixels, profile, number):
    frame = rs.software_video_frame()
    frame.pixels = pixels
    frame.bpp = pixels.itemsize * (pixels.shape[2] if pixels.ndim == 3 else 1)
    frame.stride = WIDTH * frame.bpp
    frame.timestamp, frame.frame_number = 1e6 + number * 1000 / FPS, number
    frame.domain = rs.timestamp_domain.hardware_clock
    frame.profile = profile.as_video_stream_profile()
    if pixels.ndim == 2:
        frame.depth_units = DEPTH_UNITS
    return frame
