#pragma once

// A whole proxy with a client that speaks HTTP/2 frame by frame, and an upstream that does so where the test asks for it.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "test/unit/proxy/http2_peer.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

class Http2Test : public testing::Test {
 protected:
  void Start(ProxySettings settings = {}) {
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = std::make_unique<Http2Peer>(Http2Peer::Client(world_->Connect(), codec::http2::SettingsFrame()));
    world_->Run();
    client_->Take();
  }
  void TearDown() override {
    client_.reset();
    upstream_.reset();
    world_.reset();
  }

  std::string Exchange(std::string_view frames) {
    client_->Send(frames);
    world_->Run();
    return client_->Take();
  }
  Peer& upstream1(size_t index = 0) { return world_->upstream().peer(index); }
  // The upstream connection as one of frames.
  Http2Peer& upstream2(const std::string& settings = codec::http2::SettingsFrame()) {
    if (upstream_ == nullptr) {
      upstream_ = std::make_unique<Http2Peer>(Http2Peer::Server(world_->upstream().peer(0), settings));
      world_->Run();
    }
    return *upstream_;
  }
  std::string ExchangeUp(std::string_view frames) {
    upstream2().Send(frames);
    world_->Run();
    return upstream2().Take();
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Http2Peer> client_;
  std::unique_ptr<Http2Peer> upstream_;
};

inline codec::http2::Fields Response(codec::http2::Fields more = {}, std::string_view status = "200") {
  codec::http2::Fields fields = {{":status", std::string(status)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace pillion::test
