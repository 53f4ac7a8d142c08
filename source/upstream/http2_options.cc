#include "source/upstream/http2_options.h"

namespace pillion::upstream {

codec::http2::Options Http2Options(const config::Http2Options& http2, const config::HttpOptions& common,
                                   size_t output_limit) {
  codec::http2::Options options;
  options.max_concurrent_streams = http2.max_concurrent_streams;
  options.initial_stream_window = http2.initial_stream_window_size;
  options.initial_connection_window = http2.initial_connection_window_size;
  options.hpack_table_size = http2.hpack_table_size;
  options.max_headers = common.max_headers_count;
  options.send_high_watermark = output_limit;
  options.send_low_watermark = output_limit / 2;
  options.invalid_message_ends_connection = http2.invalid_message_ends_connection;
  options.floods.outbound_frames = http2.max_outbound_frames;
  options.floods.outbound = http2.max_outbound_control_frames;
  options.floods.empty_frames = http2.max_consecutive_inbound_frames_with_empty_payload;
  options.floods.priorities = http2.max_inbound_priority_frames_per_stream;
  options.floods.window_updates_per_data = http2.max_inbound_window_update_frames_per_data_frame_sent;
  return options;
}

}  // namespace pillion::upstream
