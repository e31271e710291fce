import { mount } from 'svelte';

import App from './App.svelte';
import './styles/theme.css';
import './styles/base.css';
import './styles/layout.css';

const target = document.getElementById('page');
if (target !== null) mount(App, { target });
