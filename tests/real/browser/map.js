// A map and the Item that the address names (?https://…), drawn as STAC Browser 5 draws it: by the same library.
import 'ol/ol.css';
import OlMap from 'ol/Map.js';
import View from 'ol/View.js';
import { register } from 'ol/proj/proj4.js';
import STAC from 'ol-stac';
import proj4 from 'proj4';

register(proj4);
const heading = document.createElement('h1');
document.body.append(heading);
const target = document.createElement('div');
target.className = 'map';
target.style.cssText = 'width: 700px; height: 500px; background: white';
document.body.append(target);
const map = new OlMap({ target, layers: [], view: new View({ center: [0, 0], zoom: 1 }) });
const layer = new STAC({ url: location.search.slice(1), displayFootprint: false });
layer.on('sourceready', () => {
  map.getView().fit(layer.getExtent(), { padding: [20, 20, 20, 20] });
  heading.textContent = layer.getData().getMetadata('title');
});
layer.on('error', (event) => console.error(String(event.error ?? event)));
map.addLayer(layer);
