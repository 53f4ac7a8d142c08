#pragma once

// A peer that speaks HTTP/2 frame by frame: frames out as they are written (raw_frames.h), frames in as lines of text.

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <string_view>

#include "test/support/peer.h"
#include "test/unit/codec/http2/raw_frames.h"

namespace pillion::test {

class Http2Peer {
 public:
  // Downstream: sends the preface with `settings`.
  static Http2Peer Client(std::unique_ptr<Peer> peer, std::string_view settings) {
    Http2Peer result(*peer);
    result.owned_ = std::move(peer);
    result.peer().Send(codec::http2::kPreface);
    result.peer().Send(settings);
    return result;
  }
  // Upstream, which answers the proxy's SETTINGS with `settings`.
  static Http2Peer Server(Peer& peer, std::string_view settings) {
    peer.Send(settings);
    return Http2Peer(peer);
  }

  Peer& peer() { return *peer_; }
  void Send(std::string_view frames) { peer_->Send(frames); }

  // What came since it was last asked, a line a frame: "HEADERS 1 :status=200 a=b end", "DATA 1 hello end",
  // "RST_STREAM 1 CANCEL", "GOAWAY 1 NO_ERROR". SETTINGS, WINDOW_UPDATE and PING are left out, and so are the fields
  // that the proxy adds to each message.
  std::string Take() {
    bytes_ += peer_->Take();
    if (bytes_.starts_with(codec::http2::kPreface)) bytes_.erase(0, codec::http2::kPreface.size());
    std::string text;
    for (const codec::http2::SeenFrame& frame : codec::http2::ParseFrames(Whole())) text += Line(frame);
    return text;
  }

 private:
  struct DeleteInflater {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };

  explicit Http2Peer(Peer& peer) : peer_(&peer) {
    nghttp2_hd_inflater* inflater = nullptr;
    nghttp2_hd_inflate_new(&inflater);
    inflater_.reset(inflater);
  }

  // Cuts the frames that are complete off bytes_.
  std::string Whole() {
    size_t size = 0;
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes_[i])); };
    while (bytes_.size() - size >= 9) {
      const size_t length = 9 + (byte(size) << 16 | byte(size + 1) << 8 | byte(size + 2));
      if (bytes_.size() - size < length) break;
      size += length;
    }
    std::string whole = bytes_.substr(0, size);
    bytes_.erase(0, size);
    return whole;
  }

  std::string Line(const codec::http2::SeenFrame& frame) {
    using namespace codec::http2;
    const std::string id = std::to_string(frame.stream_id);
    const std::string end = frame.end() ? " end\n" : "\n";
    switch (frame.type) {
      case kHeadersFrame:
        return "HEADERS " + id + FieldsOf(frame.payload) + end;
      case kDataFrame:
        return "DATA " + id + " " + frame.payload + end;
      default:
        return FramesText({frame});
    }
  }

  std::string FieldsOf(std::string_view block) {
    std::string text;
    const auto* in = reinterpret_cast<const uint8_t*>(block.data());
    size_t left = block.size();
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, in, left, 1);
      if (used < 0) return text + " (broken)";
      in += used;
      left -= static_cast<size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<char*>(field.value), field.valuelen);
        const bool own = name == "date" || name == "server" || name == "x-forwarded-proto" || name.starts_with("x-envoy-");
        if (!own) text += " " + name + "=" + value;
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
    return text;
  }

  std::unique_ptr<Peer> owned_;
  Peer* peer_;
  std::string bytes_;
  std::unique_ptr<nghttp2_hd_inflater, DeleteInflater> inflater_;
};

}  // namespace pillion::test
